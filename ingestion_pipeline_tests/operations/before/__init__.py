"""A home of the release before: how it is made (`make.py`), what is kept of it (`home.tar.xz`), and
how tests get at it (`restored.py`).
"""
