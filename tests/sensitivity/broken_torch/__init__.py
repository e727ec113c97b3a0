"""Faulty builds of torch, for what the reference lacks and no mutant of it can show: files, data, devices' modes.

One module for each area. Its ``FAULTS`` gives each fault a name, and the clause that must notice it.
"""
