// promcheck runs promtool's own checks on what it reads from standard input, without the rest of promtool.
//
//	promcheck metrics   the text exposition format, as a /metrics answers
//	promcheck rules     a rule file: groups of alerting and recording rules
//
// It prints one line a problem and ends with code 1 if there is any, 2 if it was called wrongly.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

func main() {
	checks := map[string]func(io.Reader) []string{"metrics": metrics, "rules": rules}
	if len(os.Args) != 2 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: promcheck metrics|rules <input")
		os.Exit(2)
	}
	problems := checks[os.Args[1]](os.Stdin)
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func metrics(input io.Reader) []string {
	found, err := promlint.New(input).Lint()
	if err != nil {
		return []string{err.Error()}
	}
	problems := []string{}
	for _, problem := range found {
		problems = append(problems, problem.Metric+": "+problem.Text)
	}
	return problems
}

func rules(input io.Reader) []string {
	content, err := io.ReadAll(input)
	if err != nil {
		return []string{err.Error()}
	}
	_, errs := rulefmt.Parse(content, false, model.UTF8Validation)
	problems := []string{}
	for _, err := range errs {
		problems = append(problems, err.Error())
	}
	return problems
}
