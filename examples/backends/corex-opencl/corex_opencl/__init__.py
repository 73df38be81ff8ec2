"""A corex backend in OpenCL: any GPU or CPU with an OpenCL driver.

Of corex it knows the public contract alone: `corex.backend` and `corex.dtypes`.
"""
