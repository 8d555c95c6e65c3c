"""An edge node and its plant: enrolment with a claim, the plant's own CA, the uplink, accounts, pipelines, configuration."""
