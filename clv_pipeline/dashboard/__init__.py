"""The dashboard: pages in the browser that read the served bundle. They compute nothing that a published table has.

`launch.py` starts it, `app.py` is what Streamlit runs, and each page is one file in `screens/`.
"""
