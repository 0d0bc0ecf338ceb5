"""What is configured by files beside the environment: sources, each a folder with a `defs.yaml`.

No dagster: the gateway and health want to know, too, which sites and series there are. Dagster's
face of the same files is `components/`.

documents.py       A YAML file as values, with the line of each
faults.py          A fault: file, line, field, and the rule in a sentence
kinds.py           The kinds of sources and their attributes: the one schema of each
folder.py          All files of a folder: what is sound, what is at fault, which names are taken
series.py          The APIs that are asked by files, wherever their mappings stand
mappings.py        The mappings of sources of files, wherever they stand
"""
