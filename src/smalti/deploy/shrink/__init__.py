"""A model file made smaller and faster: each step is measured by running its result."""
