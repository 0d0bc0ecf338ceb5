"""Commerce: customers → products → orders → order_items, from files of several tenants.

contract.py     the four entities, their fields and rules
lines.py        a file's bytes → lines, in bounded memory
rows.py         a line → a typed row, or every reason why not
stage.py        a file → staging rows and rejected rows, in one transaction
merge.py        staging rows → final tables, in an order that keeps foreign keys true
load.py         both of them over many files: the queue's way and the shell's way
drop.py         the drop folder
"""
