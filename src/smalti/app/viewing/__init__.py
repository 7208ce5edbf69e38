"""What is seen of scenes and maps: views at bounded cost, overviews and tiles."""
