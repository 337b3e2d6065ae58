"""The pages: one module each, its ``page()`` a list of sections, top to bottom in the order seen.

The folder isn't called ``pages``: Streamlit takes one of that name beside the entry script for pages of its
own, and would run these modules as scripts when somebody's first visit is a link to one of them.
"""
