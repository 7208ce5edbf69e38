"""Public datasets in the layout they are downloaded in: one short file each, all of them read in place.

`DATASETS` names them. A new one is one file and one line there.
"""
