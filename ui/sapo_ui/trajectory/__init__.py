"""One trajectory, drawn and judged: step cards, score strips, marks in tables, the judgement buttons. Whatever shows
trajectories builds on these parts."""
