"""What a tensor is, without any op: memory, shape, place in the graph; and what an op is."""
