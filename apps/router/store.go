package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
)

// maxTodos bounds the memory that visitors can fill.
const maxTodos = 1000

// A todo is one thing to be done.
type todo struct {
	ID    int64  `json:"id"` // from 1
	Title string `json:"title"`
	Done  bool   `json:"done"`
}

// A change is what a client sends: what is nil stays as it is.
type change struct {
	Title *string `json:"title"`
	Done  *bool   `json:"done"`
}

func (c change) apply(t *todo) {
	if c.Title != nil {
		t.Title = *c.Title
	}
	if c.Done != nil {
		t.Done = *c.Done
	}
}

// store is the list, in this process's memory; any number of goroutines may use it at once.
type store struct {
	mutex sync.Mutex
	last  int64
	todos []todo // by ascending ID
}

func newStore() *store { return new(store) }

func (s *store) all() []todo {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]todo{}, s.todos...)
}

func (s *store) add(c change) (todo, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.todos) == maxTodos {
		return todo{}, fmt.Errorf("the list of process %d is full with %d to-dos: delete some", os.Getpid(), maxTodos)
	}
	s.last++
	t := todo{ID: s.last}
	c.apply(&t)
	s.todos = append(s.todos, t)
	return t, nil
}

func (s *store) get(id int64) (todo, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i, err := s.find(id)
	if err != nil {
		return todo{}, err
	}
	return s.todos[i], nil
}

func (s *store) update(id int64, c change) (todo, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i, err := s.find(id)
	if err != nil {
		return todo{}, err
	}
	c.apply(&s.todos[i])
	return s.todos[i], nil
}

func (s *store) delete(id int64) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i, err := s.find(id)
	if err != nil {
		return err
	}
	s.todos = slices.Delete(s.todos, i, i+1)
	return nil
}

// find returns the index of a to-do, for a caller that holds the mutex.
func (s *store) find(id int64) (int, error) {
	i, found := slices.BinarySearchFunc(s.todos, id, func(t todo, id int64) int { return cmp.Compare(t.ID, id) })
	if !found {
		return 0, fmt.Errorf("the process %d has no to-do with this number; another child process may", os.Getpid())
	}
	return i, nil
}
