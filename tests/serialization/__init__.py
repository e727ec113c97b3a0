"""Files of torch that someone damaged, by accident or on purpose: too many and too wild for clauses."""
