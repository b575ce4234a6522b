"""What every room needs and none owns: settings, errors, home, clock, run lock and identity. Imports nothing of ours."""
