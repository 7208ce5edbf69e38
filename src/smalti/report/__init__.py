"""Pages and pictures of scores and maps: self-contained HTML, no scripts, no network."""
