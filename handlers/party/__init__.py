"""Who comes into a watch party and how, which parties there are, and what of them outlives a restart."""
