// The problem goes to clasp in aspif (Kaminski, Schaub, Wanko: "A Tutorial on Hybrid Answer Set Solving with clingo",
// appendix), because unlike OPB it has levels of cost: a choice over all variables, each clause as what must not all be
// false, each soft clause as an atom that says that it is violated, and one statement per level. It enumerates at most
// two optimal choices: when there is no second one, the first is unique.
#include "builder/closure/clasp.h"

#include "fs/base/program.h"
#include "fs/format/json.h"

namespace granary {

namespace {
// "Not one of these": the clause's literals, each turned round.
std::string opposite(const Clause& clause) {
  std::string text = std::to_string(clause.size());
  for (const Literal literal : clause) text += ' ' + std::to_string(-literal);
  return text;
}

std::string in_aspif(const Problem& problem) {
  std::string text = "asp 1 0 0\n";
  if (problem.variables > 0) {
    text += "1 1 " + std::to_string(problem.variables);
    for (uint32_t variable = 1; variable <= problem.variables; ++variable) text += ' ' + std::to_string(variable);
    text += " 0 0\n";
  }
  for (const Clause& clause : problem.clauses) text += "1 0 0 0 " + opposite(clause) + "\n";
  uint32_t atoms = problem.variables;
  for (size_t level = 0; level < problem.levels.size(); ++level) {
    std::string costs;
    for (const auto& [clause, weight] : problem.levels[level]) {
      Literal violated = -clause.front();
      if (clause.size() > 1) {
        violated = static_cast<Literal>(++atoms);
        text += str("1 0 1 ", violated, " 0 ", opposite(clause), "\n");
      }
      costs += str(" ", violated, " ", weight);
    }
    text += str("2 ", problem.levels.size() - level, " ", problem.levels[level].size(), costs, "\n");
  }
  for (uint32_t variable = 1; variable <= problem.variables; ++variable) {
    const std::string number = std::to_string(variable);
    text += str("4 ", number.size(), " ", number, " 1 ", number, "\n");
  }
  return text + "0\n";
}

Error not_understood(const std::string& what) { return {Code::kInternal, "clasp's answer is not understood: " + what}; }

Result<JsonReader> first_of(const JsonReader& reader, std::string_view name, bool last) {
  const JsonValue::Array* const items = TRY(reader.array(name));
  if (items->empty()) return not_understood(str("no ", name));
  return JsonReader::of(last ? items->back() : items->front(), std::string(name));
}

Result<Optimum> read_witness(const JsonReader& witness, const Problem& problem) {
  Optimum optimum;
  optimum.values.assign(size_t{problem.variables} + 1, false);
  for (const std::string& atom : TRY(witness.texts("Value"))) {
    const auto variable = static_cast<size_t>(std::strtoul(atom.c_str(), nullptr, 10));
    if (variable == 0 || variable > problem.variables) return not_understood("atom " + atom);
    optimum.values[variable] = true;
  }
  return optimum;
}

bool holds(const Clause& clause, const std::vector<bool>& values) {
  for (const Literal literal : clause) {
    if (values[static_cast<size_t>(literal < 0 ? -literal : literal)] == (literal > 0)) return true;
  }
  return false;
}

// Its answer is not believed unseen: the clauses are checked and the costs counted here.
Status check_and_count(const Problem& problem, Optimum& optimum) {
  for (const Clause& clause : problem.clauses) {
    if (!holds(clause, optimum.values)) return not_understood("it breaks a clause");
  }
  for (const auto& level : problem.levels) {
    uint64_t cost = 0;
    for (const auto& [clause, weight] : level) cost += holds(clause, optimum.values) ? 0 : weight;
    optimum.costs.push_back(cost);
  }
  return Done{};
}
}  // namespace

Result<std::optional<Optimum>> Clasp::minimise(const Problem& problem) {
  Program clasp;
  clasp.words = {"clasp", "--opt-strategy=usc", "--opt-mode=optN", "--outf=2", "--quiet=1,1", "--models=2"};
  clasp.input = in_aspif(problem);
  clasp.output = clasp.errors = Program::Stream::kCapture;
  clasp.timeout = std::chrono::minutes(10);
  const auto ended = run_program(clasp);
  if (!ended && ended.error().code == Code::kNotFound)
    return Error{Code::kNotFound, "the solver clasp is not installed: install the package clasp (apt install clasp)"};
  const ProgramEnd end = TRY_WITHIN("cannot find the best closure", ended);
  const auto parsed = JsonValue::parse(end.output, end.output.size());
  if (!parsed) return not_understood(str(parsed.error().message, "; ", printable(end.errors)));
  const JsonReader answer = TRY(JsonReader::of(*parsed, "clasp's answer"));
  const std::string solver = TRY(answer.text("Solver"));
  name_ = solver.starts_with("clasp version ") ? "clasp " + solver.substr(14) : solver;
  const std::string result = TRY(answer.text("Result"));
  if (result == "UNSATISFIABLE") return std::optional<Optimum>();
  if (result != "OPTIMUM FOUND" && result != "SATISFIABLE") return not_understood("result " + result);
  const JsonReader models = TRY(answer.reader("Models", "clasp's answer"));
  Optimum optimum = TRY(read_witness(TRY(first_of(TRY(first_of(answer, "Call", true)), "Witnesses", true)), problem));
  TRY(check_and_count(problem, optimum));
  optimum.unique = TRY(models.integer_or("Optimal", TRY(models.integer("Number")))) == 1;
  return std::optional<Optimum>(std::move(optimum));
}

Result<std::optional<Optimum>> minimise_reduced(const Problem& problem, Optimiser& optimiser) {
  const Reduction reduction = reduce(problem);
  if (reduction.contradictory) return std::optional<Optimum>();
  if (reduction.rest.variables == 0) {
    Optimum nothing_left;
    nothing_left.values.resize(1);
    nothing_left.unique = true;
    return std::optional<Optimum>(reduction.complete(nothing_left));
  }
  const std::optional<Optimum> rest = TRY(optimiser.minimise(reduction.rest));
  if (!rest) return std::optional<Optimum>();
  return std::optional<Optimum>(reduction.complete(*rest));
}

}  // namespace granary
