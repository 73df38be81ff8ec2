"""Making tensors, and converting them."""
