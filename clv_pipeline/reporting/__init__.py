"""What people read: plots, the report, the model card. Reads a bundle or training results; changes nothing."""
