"""Measures what the README says about speed, memory and size: `python -m bench`, after `make build`.

`networks` and `pictures` make the material. `workers` measures single processes of the built detect function beside
`floor`, the same network run by onnxruntime alone (`bare`). `traffic` measures the whole stack through HTTP, with
`client` in a process of its own. `suite` ties them together, `rows` holds the budgets, `report` prints and stores.
"""
