"""A corex backend with immutable buffers, deferred errors, flushed subnormals and no float64."""
