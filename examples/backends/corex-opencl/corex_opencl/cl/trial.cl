// Compiled to see whether a device can be used at all.

__kernel void trial(__global int *out) { out[get_global_id(0)] = 0; }
