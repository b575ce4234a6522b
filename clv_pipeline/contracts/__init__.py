"""The contracts between packages: source columns, warehouse tables, published tables, rejection reasons."""
