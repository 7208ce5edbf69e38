"""The app: one small server on the engine, for a page in the browser and for a window on the desktop.

Requests are answered by FastAPI; maps are made by one worker process, which calls `smalti.workflows.map`. Both meet in
one SQLite file and in folders: what either of them has finished is on the disk, so that each may be killed at any time.
"""
