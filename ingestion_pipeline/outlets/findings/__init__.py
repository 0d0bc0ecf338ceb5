"""Findings: what is out of the ordinary in a tenant's series, and who has gone quiet; each once.

tables.py    Findings, and up to where each subject has been looked at
analysis/    What a KPI's reading comes to, in sentences; a server may reword them
"""
