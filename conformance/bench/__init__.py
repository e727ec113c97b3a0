"""Performance: of backends, on the programs and sizes that the specs declare, and of the suite itself."""
