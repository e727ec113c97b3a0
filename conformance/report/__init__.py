"""What is kept and shown of a run: the results file, the matrix, how a failure reads, two runs compared."""
