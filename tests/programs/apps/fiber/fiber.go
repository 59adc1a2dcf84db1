// Package fiber is a web application on github.com/gofiber/fiber, which has an HTTP server of its own and is no
// http.Handler: its adaptor makes one of it.
package fiber

import (
	"bufio"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

// Application is Fiber's application behind its adaptor.
var Application http.Handler = adaptor.FiberApp(routes())

// routes are those of an application at the top of its site: Fiber sees the path that the client sent.
func routes() *fiber.App {
	app := fiber.New()
	app.Use(recover.New(), func(c fiber.Ctx) error {
		c.Set("X-Application", "fiber")
		return c.Next()
	})
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("home of " + c.Route().Path) })
	app.Get("/users/:id", user)
	app.Get("/files/*", func(c fiber.Ctx) error { return c.SendString(c.Params("*")) })
	app.Post("/orders", order)
	app.Post("/form", form)
	app.Post("/upload", upload)
	app.Get("/ticks", ticks)
	app.Get("/cookies", cookies)
	app.Get("/old", func(c fiber.Ctx) error { return c.Redirect().Status(fiber.StatusFound).To("/users/7") })
	app.Get("/panic", func(fiber.Ctx) error { panic("the application's own") })
	admin := app.Group("/admin", func(c fiber.Ctx) error {
		if c.Get("X-Token") != catalog.Token {
			return fiber.NewError(fiber.StatusUnauthorized, "who are you?")
		}
		return c.Next()
	})
	admin.Get("/stock", func(c fiber.Ctx) error { return c.SendString("plenty") })
	return app
}

func user(c fiber.Ctx) error {
	found, err := catalog.FindUser(c.Params("id"))
	if err != nil {
		return c.Status(fiber.StatusBadRequest).JSON(fiber.Map{"error": err.Error()})
	}
	return c.JSON(found)
}

func order(c fiber.Ctx) error {
	var order catalog.Order
	if err := c.Bind().JSON(&order); err != nil {
		return fiber.NewError(fiber.StatusBadRequest, "no JSON")
	}
	return c.Status(fiber.StatusCreated).JSON(order)
}

func form(c fiber.Ctx) error {
	var order catalog.Order
	if err := c.Bind().Form(&order); err != nil {
		return fiber.NewError(fiber.StatusBadRequest, "count: no number")
	}
	return c.SendString(order.String())
}

func upload(c fiber.Ctx) error {
	head, err := c.FormFile("file")
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	file, err := head.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	receipt, err := catalog.Receive(c.FormValue("note"), head.Filename, file)
	if err != nil {
		return err
	}
	return c.JSON(receipt)
}

func ticks(c fiber.Ctx) error {
	n, err := strconv.Atoi(c.Query("n"))
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlain)
	return c.SendStreamWriter(func(w *bufio.Writer) {
		for line := range catalog.Ticks(n) {
			if _, err := w.WriteString(line); err != nil {
				return
			}
			if err := w.Flush(); err != nil {
				return
			}
		}
	})
}

func cookies(c fiber.Ctx) error {
	c.Cookie(&fiber.Cookie{Name: "one", Value: "1", Path: "/", HTTPOnly: true})
	c.Cookie(&fiber.Cookie{Name: "two", Value: "2"})
	return c.SendString(c.Cookies("seen"))
}
