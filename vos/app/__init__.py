"""The page to click on, ``python -m vos.app``: a small server, and in static/ what runs in the browser.

A client of vos.session; may import what lies below vos.run and its like. Only here are starlette and uvicorn known.
"""
