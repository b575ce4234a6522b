"""The five questions of page one, a file each. What they have in common is in `answer.py`; `answers.py` asks them in order."""
