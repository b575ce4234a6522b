"""What the rooms hand to each other, declared once: tables, columns, codes. Nothing is read or written here."""
