"""Who may pass, from where, and how much of the server each may use."""
