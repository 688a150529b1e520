"""Whether the plan keeps its objectives by its own figures, for `dr plan` and every preview."""
