// Rows of the table: facts on which two parties must agree, each with a name.

export class Rows {
  constructor() {
    this.rows = [];
  }

  // Runs the checks of a row. A failure is reported with the row's name, and does not end the run.
  async row(name, checks) {
    const began = Date.now();
    let outcome = "ok";
    try {
      await checks();
    } catch (error) {
      outcome = "FAILED";
      console.error(`${name}:`, error);
    }
    this.rows.push({ name, outcome, ms: Date.now() - began });
  }

  get failed() {
    return this.rows.filter(({ outcome }) => outcome !== "ok");
  }

  print() {
    const width = Math.max(...this.rows.map(({ name }) => name.length));
    for (const { name, outcome, ms } of this.rows) {
      console.log(`${name.padEnd(width)}  ${outcome.padEnd(6)} ${String(ms).padStart(6)} ms`);
    }
    const { length } = this.rows;
    console.log(`${length - this.failed.length} of ${length} rows agree`);
  }
}
