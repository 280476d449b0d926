"""Measures what the README says about speed, memory, size and cost: `python -m bench`, after `make build`.

`graph`, `networks`, `cases` and `pictures` make the material. `workers` measures single processes of the built detect
function beside `floor`, the same network run by onnxruntime alone (`bare`). `upstream` starts upstream's own server;
`traffic` sends the same requests to the whole stack and to it in turns, with `client` in a process of its own. `soak`
watches memory over many models. `suite` ties them together into `measurements`; `rows`, `comparison` and `cost` hold
the budgets and make lines of them; `report` prints and stores these, `chart` and `page` show them in docs/.
"""
