"""Reports: pages and pictures of scores and maps. Self-contained HTML, no scripts, no network."""
