"""What a person may ask for: to be forgotten, and to be told what is held. Consent itself is a rule of `sql/`."""
