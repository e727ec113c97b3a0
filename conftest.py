"""Nothing belongs to this checkout alone so far.

The plugin that collects specs is loaded through the package's entry point only, never from here; the file
stands so that pytest takes this folder as the root of what it imports, and the tests find their helpers.
"""
