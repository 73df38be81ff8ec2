"""Parts of networks: activations, convolution, normalisation, losses, steps of optimizers."""
