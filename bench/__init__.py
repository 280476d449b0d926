"""Measures what the README says about speed, memory and size: `python -m bench`, after `make build`.

`networks` and `pictures` make the material, `workers` measures single processes of the built detect function beside
`bare`, which runs the same network with onnxruntime alone, `traffic` measures the whole stack through HTTP, `budgets`
says what is good enough, `report` prints and stores it, `suite` ties them together.
"""
