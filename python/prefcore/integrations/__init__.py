"""Prefcore inside the trainers people use: one module per framework, imported by its own users only.

A patch happens when its function is called, never at import; it changes one object, and its `Handle` undoes it.
"""
