// Package echo is a web application on github.com/labstack/echo.
package echo

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

// Application is the Echo instance with its middleware.
var Application http.Handler = routes()

func routes() *echo.Echo {
	e := echo.New()
	e.Use(middleware.Recover(), func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			c.Response().Header().Set("X-Application", "echo")
			return next(c)
		}
	})
	e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, "home of "+c.Path()) })
	e.GET("/users/:id", user)
	e.GET("/files/*", func(c *echo.Context) error { return c.String(http.StatusOK, c.Param("*")) })
	e.POST("/orders", order)
	e.POST("/form", form)
	e.POST("/upload", upload)
	e.GET("/ticks", ticks)
	e.GET("/cookies", cookies)
	e.GET("/old", func(c *echo.Context) error { return c.Redirect(http.StatusFound, "/users/7") })
	e.GET("/panic", func(*echo.Context) error { panic("the application's own") })
	admin := e.Group("/admin", middleware.KeyAuthWithConfig(middleware.KeyAuthConfig{
		KeyLookup: "header:X-Token",
		Validator: func(_ *echo.Context, key string, _ middleware.ExtractorSource) (bool, error) {
			return key == catalog.Token, nil
		},
	}))
	admin.GET("/stock", func(c *echo.Context) error { return c.String(http.StatusOK, "plenty") })
	return e
}

func user(c *echo.Context) error {
	found, err := catalog.FindUser(c.Param("id"))
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	return c.JSON(http.StatusOK, found)
}

func order(c *echo.Context) error {
	var order catalog.Order
	if err := c.Bind(&order); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, order)
}

func form(c *echo.Context) error {
	var order catalog.Order
	if err := c.Bind(&order); err != nil {
		return err
	}
	return c.String(http.StatusOK, order.String())
}

func upload(c *echo.Context) error {
	head, err := c.FormFile("file")
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
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
	return c.JSON(http.StatusOK, receipt)
}

func ticks(c *echo.Context) error {
	n, err := strconv.Atoi(c.QueryParam("n"))
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, echo.MIMETextPlain)
	w.WriteHeader(http.StatusOK)
	controller := http.NewResponseController(w)
	for line := range catalog.Ticks(n) {
		if _, err := fmt.Fprint(w, line); err != nil {
			return err
		}
		if err := controller.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func cookies(c *echo.Context) error {
	c.SetCookie(&http.Cookie{Name: "one", Value: "1", Path: "/", HttpOnly: true})
	c.SetCookie(&http.Cookie{Name: "two", Value: "2"})
	seen, err := c.Cookie("seen")
	if err != nil {
		return c.String(http.StatusOK, "none")
	}
	return c.String(http.StatusOK, seen.Value)
}
