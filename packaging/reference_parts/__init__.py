"""The pages of docs/reference, a module each: `page()` gives its Markdown, made from registries and docstrings."""
