"""The local stack: runs template.yaml on one machine, without an account, Docker or configuration.

`template` reads what the template says, `runtime_api` and `pool` run its functions in AWS's own runtime client,
`gateway` answers HTTP as API Gateway does, `queues` hands messages over, `aws_server` stands in for AWS's services,
`stack` ties them together.
"""
