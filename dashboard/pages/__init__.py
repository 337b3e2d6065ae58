"""The pages: one module each, its ``page()`` a list of sections, top to bottom in the order seen."""
