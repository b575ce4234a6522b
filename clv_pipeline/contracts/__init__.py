"""What the stages hand to each other, declared once: tables, columns, reasons. A module here imports nothing of ours."""
