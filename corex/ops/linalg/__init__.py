"""Products, contractions and norms."""
