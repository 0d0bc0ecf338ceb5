"""What the pages show, as JSON with a tenant's own key.

routes.py      `/api/receipts`: what became of everything that was sent
"""
