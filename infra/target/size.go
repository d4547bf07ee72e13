package target

// ResourcesPerService is what a service adds to its target in each environment: its three roles, their policies within.
const ResourcesPerService = 3

// MaxServices is how many services a group may have in one target: a stack takes 500 resources (CloudFormation quotas).
const MaxServices = 500 / ResourcesPerService
