"""Algorithms that do not fit on a few lines, on the vocabulary, so that their derivatives follow."""
