"""Operators that are formulas over primitives and over each other; their derivatives follow from the tape.

Each is a function of the vocabulary ``F`` and then of torch's arguments, under torch's names.
"""
