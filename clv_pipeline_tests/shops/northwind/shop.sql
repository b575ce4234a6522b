create table Customers (CustomerID text primary key, CompanyName text, ContactName text, ContactTitle text, Address text, City text, Region text, PostalCode text, Country text, Phone text, Fax text);
insert into Customers values
('ALFKI', 'Company ALFKI', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('ANATR', 'Company ANATR', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('ANTON', 'Company ANTON', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('AROUT', 'Company AROUT', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BERGS', 'Company BERGS', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BLAUS', 'Company BLAUS', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BLONP', 'Company BLONP', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BOLID', 'Company BOLID', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BONAP', 'Company BONAP', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BOTTM', 'Company BOTTM', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('BSBEV', 'Company BSBEV', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('CACTU', 'Company CACTU', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null),
('PARIS', 'Company PARIS', 'Maria Anders', 'Owner', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany', '030-0074321', null);

create table Orders (OrderID integer primary key, CustomerID text references Customers (CustomerID), EmployeeID integer, OrderDate datetime, RequiredDate datetime, ShippedDate datetime, ShipVia integer, Freight numeric default 0, ShipName text, ShipAddress text, ShipCity text, ShipRegion text, ShipPostalCode text, ShipCountry text);
insert into Orders values
(10248, 'ANTON', 2, '2023-01-24', '2023-02-21', '2023-01-30', 2, 4.18, 'Company ANTON', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10249, 'ANATR', 3, '2023-01-28', '2023-02-25', '2023-02-03', 3, 5.11, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10250, 'BOLID', 4, '2023-01-28', '2023-02-25', '2023-02-03', 1, 6.04, 'Company BOLID', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10251, 'BSBEV', 5, '2023-02-07', '2023-03-07', '2023-02-13', 2, 6.97, 'Company BSBEV', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10252, 'BSBEV', 6, '2023-02-22', '2023-03-22', '2023-02-28', 3, 7.90, 'Company BSBEV', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10253, 'BLAUS', 7, '2023-02-25', '2023-03-25', '2023-03-03', 1, 8.83, 'Company BLAUS', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10254, 'ANATR', 8, '2023-04-01', '2023-04-29', '2023-04-07', 2, 9.76, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10255, 'BOLID', 9, '2023-04-06', '2023-05-04', '2023-04-12', 3, 10.69, 'Company BOLID', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10256, 'AROUT', 1, '2023-04-28', '2023-05-26', '2023-05-04', 1, 3.25, 'Company AROUT', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10257, 'BLONP', 2, '2023-05-18', '2023-06-15', '2023-05-24', 2, 4.18, 'Company BLONP', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10258, 'BSBEV', 3, '2023-05-27', '2023-06-24', '2023-06-02', 3, 5.11, 'Company BSBEV', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10259, 'ANATR', 4, '2023-06-16', '2023-07-14', '2023-06-22', 1, 6.04, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10260, 'ALFKI', 5, '2023-06-22', '2023-07-20', '2023-06-28', 2, 6.97, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10261, 'ANATR', 6, '2023-07-13', '2023-08-10', '2023-07-19', 3, 7.90, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10262, 'BLAUS', 7, '2023-07-15', '2023-08-12', null, 1, 8.83, 'Company BLAUS', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10263, 'ALFKI', 8, '2023-07-19', '2023-08-16', '2023-07-25', 2, 9.76, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10264, 'AROUT', 9, '2023-07-30', '2023-08-27', '2023-08-05', 3, 10.69, 'Company AROUT', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10265, 'BLAUS', 1, '2023-08-18', '2023-09-15', '2023-08-24', 1, 3.25, 'Company BLAUS', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10266, 'BERGS', 2, '2023-08-25', '2023-09-22', '2023-08-31', 2, 4.18, 'Company BERGS', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10267, 'ALFKI', 3, '2023-09-05', '2023-10-03', '2023-09-11', 3, 5.11, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10268, 'ALFKI', 4, '2023-09-24', '2023-10-22', '2023-09-30', 1, 6.04, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10269, 'AROUT', 5, '2023-09-27', '2023-10-25', '2023-10-03', 2, 6.97, 'Company AROUT', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10270, 'BERGS', 6, '2023-10-15', '2023-11-12', '2023-10-21', 3, 7.90, 'Company BERGS', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10271, 'ALFKI', 7, '2023-11-03', '2023-12-01', '2023-11-09', 1, 8.83, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10272, 'ALFKI', 8, '2023-11-16', '2023-12-14', '2023-11-22', 2, 9.76, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10273, 'ALFKI', 9, '2023-11-16', '2023-12-14', '2023-11-22', 3, 10.69, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10274, 'ANTON', 1, '2023-12-02', '2023-12-30', '2023-12-08', 1, 3.25, 'Company ANTON', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10275, 'BERGS', 2, '2023-12-18', '2024-01-15', '2023-12-24', 2, 4.18, 'Company BERGS', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10276, 'AROUT', 3, '2023-12-24', '2024-01-21', '2023-12-30', 3, 5.11, 'Company AROUT', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10277, 'ANATR', 4, '2024-01-15', '2024-02-12', null, 1, 6.04, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10278, 'ALFKI', 5, '2024-01-21', '2024-02-18', '2024-01-27', 2, 6.97, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10279, 'ANATR', 6, '2024-02-25', '2024-03-24', '2024-03-02', 3, 7.90, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10280, 'BLONP', 7, '2024-02-28', '2024-03-27', '2024-03-05', 1, 8.83, 'Company BLONP', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10281, 'ALFKI', 8, '2024-03-12', '2024-04-09', '2024-03-18', 2, 9.76, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10282, 'CACTU', 9, '2024-03-19', '2024-04-16', '2024-03-25', 3, 10.69, 'Company CACTU', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10283, 'ANATR', 1, '2024-03-22', '2024-04-19', '2024-03-28', 1, 3.25, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10284, 'AROUT', 2, '2024-03-25', '2024-04-22', '2024-03-31', 2, 4.18, 'Company AROUT', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10285, 'ALFKI', 3, '2024-03-26', '2024-04-23', '2024-04-01', 3, 5.11, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10286, 'ALFKI', 4, '2024-03-30', '2024-04-27', '2024-04-05', 1, 6.04, 'Company ALFKI', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10287, 'CACTU', 5, '2024-04-15', '2024-05-13', '2024-04-21', 2, 6.97, 'Company CACTU', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10288, 'AROUT', 6, '2024-05-01', '2024-05-29', '2024-05-07', 3, 7.90, 'Company AROUT', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10289, 'ANATR', 7, '2024-05-03', '2024-05-31', '2024-05-09', 1, 8.83, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10290, 'ANTON', 8, '2024-05-09', '2024-06-06', '2024-05-15', 2, 9.76, 'Company ANTON', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10291, 'BOLID', 9, '2024-05-10', '2024-06-07', '2024-05-16', 3, 10.69, 'Company BOLID', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany'),
(10292, 'ANATR', 1, '2024-05-13', '2024-06-10', null, 1, 3.25, 'Company ANATR', 'Obere Str. 57', 'Berlin', null, '12209', 'Germany');

create table "Order Details" (OrderID integer not null references Orders (OrderID), ProductID integer not null references Products (ProductID), UnitPrice numeric not null default 0, Quantity integer not null default 1, Discount real not null default 0, primary key ("OrderID", "ProductID"));
insert into "Order Details" values
(10248, 3, 8.0, 10, 0.05),
(10248, 5, 17.080, 10, 0),
(10248, 2, 15.2, 5, 0.15),
(10249, 6, 20.40, 10, 0),
(10250, 6, 20.40, 15, 0.15),
(10250, 7, 24.0, 15, 0),
(10250, 5, 17.080, 20, 0.25),
(10251, 8, 50.00, 10, 0),
(10251, 6, 20.40, 20, 0.25),
(10252, 6, 20.40, 20, 0.25),
(10252, 8, 50.00, 15, 0.1),
(10252, 4, 17.6, 20, 0),
(10253, 3, 8.0, 15, 0.1),
(10253, 5, 17.080, 20, 0),
(10254, 7, 24.0, 10, 0),
(10254, 3, 8.0, 20, 0.05),
(10254, 6, 20.40, 15, 0),
(10255, 1, 14.4, 10, 0.05),
(10255, 7, 24.0, 5, 0),
(10256, 5, 17.080, 10, 0),
(10257, 5, 17.080, 10, 0.15),
(10258, 7, 24.0, 5, 0),
(10259, 4, 17.6, 5, 0.25),
(10260, 1, 14.4, 5, 0.1),
(10261, 3, 8.0, 10, 0),
(10262, 1, 14.4, 10, 0.05),
(10262, 7, 24.0, 10, 0),
(10263, 2, 19, 20, 0),
(10263, 3, 10, 5, 0.15),
(10263, 7, 30, 15, 0),
(10264, 1, 18, 10, 0.15),
(10264, 3, 10, 20, 0),
(10264, 4, 22, 10, 0.25),
(10265, 2, 19, 20, 0),
(10265, 1, 18, 10, 0.25),
(10266, 8, 62.5, 15, 0.25),
(10266, 5, 21.35, 10, 0.1),
(10267, 7, 30, 10, 0.1),
(10267, 6, 25.5, 5, 0),
(10267, 1, 18, 15, 0.05),
(10268, 2, 19, 20, 0),
(10269, 1, 18, 20, 0.05),
(10269, 2, 19, 5, 0),
(10269, 7, 30, 15, 0.15),
(10270, 6, 25.5, 20, 0),
(10270, 3, 10, 15, 0.15),
(10270, 8, 62.5, 5, 0),
(10271, 3, 10, 5, 0.15),
(10271, 1, 18, 10, 0),
(10272, 4, 22, 5, 0),
(10273, 8, 62.5, 20, 0.25),
(10273, 4, 22, 10, 0.1),
(10273, 3, 10, 10, 0),
(10274, 1, 18, 20, 0.1),
(10275, 8, 62.5, 15, 0),
(10276, 6, 25.5, 15, 0.05),
(10277, 7, 30, 15, 0),
(10277, 1, 18, 10, 0.15),
(10277, 8, 62.5, 5, 0),
(10278, 8, 62.5, 5, 0.15),
(10278, 4, 22, 5, 0),
(10278, 2, 19, 15, 0.25),
(10279, 2, 19, 10, 0),
(10279, 8, 62.5, 5, 0.25),
(10279, 4, 22, 15, 0.1),
(10280, 6, 25.5, 20, 0.25),
(10281, 2, 19, 15, 0.1),
(10282, 2, 19, 20, 0),
(10282, 1, 18, 5, 0.05),
(10282, 5, 21.35, 20, 0),
(10283, 3, 10, 15, 0.05),
(10283, 7, 30, 15, 0),
(10284, 7, 30, 15, 0),
(10284, 4, 22, 20, 0.15),
(10285, 5, 21.35, 5, 0.15),
(10285, 8, 62.5, 5, 0),
(10285, 4, 22, 5, 0.25),
(10286, 3, 10, 5, 0),
(10286, 7, 30, 5, 0.25),
(10286, 4, 22, 5, 0.1),
(10287, 4, 22, 15, 0.25),
(10287, 6, 25.5, 20, 0.1),
(10288, 3, 10, 20, 0.1),
(10289, 5, 21.35, 10, 0),
(10290, 4, 22, 10, 0.05),
(10290, 8, 62.5, 20, 0),
(10290, 3, 10, 20, 0.15),
(10291, 3, 10, 5, 0),
(10291, 4, 22, 20, 0.15),
(10292, 7, 30, 20, 0.15),
(10292, 6, 25.5, 15, 0),
(10292, 8, 62.5, 15, 0.25);

create table Products (ProductID integer primary key, ProductName text, SupplierID integer, CategoryID integer, QuantityPerUnit text, UnitPrice numeric, UnitsInStock integer, UnitsOnOrder integer, ReorderLevel integer, Discontinued text default '0');
insert into Products values
(1, 'Product 1', 1, 1, '10 boxes x 20 bags', 18, 39, 0, 10, '0'),
(2, 'Product 2', 2, 2, '10 boxes x 20 bags', 19, 39, 0, 10, '0'),
(3, 'Product 3', 1, 3, '10 boxes x 20 bags', 10, 39, 0, 10, '0'),
(4, 'Product 4', 2, 1, '10 boxes x 20 bags', 22, 39, 0, 10, '0'),
(5, 'Product 5', 1, 2, '10 boxes x 20 bags', 21.35, 39, 0, 10, '0'),
(6, 'Product 6', 2, 3, '10 boxes x 20 bags', 25.5, 39, 0, 10, '0'),
(7, 'Product 7', 1, 1, '10 boxes x 20 bags', 30, 39, 0, 10, '0'),
(8, 'Product 8', 2, 2, '10 boxes x 20 bags', 62.5, 39, 0, 10, '0');

create table Categories (CategoryID integer primary key, CategoryName text, Description text, Picture blob);
insert into Categories values
(1, 'Beverages', 'Soft drinks', null),
(2, 'Condiments', 'Sauces', null),
(3, 'Confections', 'Desserts', null);

create table Suppliers (SupplierID integer primary key, CompanyName text not null, ContactName text, ContactTitle text, Address text, City text, Region text, PostalCode text, Country text, Phone text, Fax text, HomePage text);
insert into Suppliers values
(1, 'Exotic Liquids', 'Charlotte', 'Manager', '49 Gilbert St.', 'London', null, 'EC1', 'UK', '171', null, null),
(2, 'Cajun Delights', 'Shelley', 'Manager', 'P.O. Box 78934', 'New Orleans', 'LA', '70117', 'USA', '100', null, null);

create table Employees (EmployeeID integer primary key, LastName text, FirstName text, Title text, BirthDate date, HireDate date, City text, Country text, ReportsTo integer, Notes text);
insert into Employees values
(1, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(2, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(3, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(4, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(5, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(6, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(7, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(8, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null),
(9, 'Davolio', 'Nancy', 'Sales Representative', '1968-12-08', '1992-05-01', 'Seattle', 'USA', 2, null);

create table Shippers (ShipperID integer primary key, CompanyName text not null, Phone text);
insert into Shippers values
(1, 'Shipper 1', null),
(2, 'Shipper 2', null),
(3, 'Shipper 3', null);

create table Regions (RegionID integer primary key, RegionDescription text not null);
insert into Regions values
(1, 'Eastern'),
(2, 'Western');

create table Territories (TerritoryID text primary key, TerritoryDescription text not null, RegionID integer not null);
insert into Territories values
('01581', 'Westboro', 1),
('98004', 'Bellevue', 2);

create table EmployeeTerritories (EmployeeID integer not null, TerritoryID text not null);
insert into EmployeeTerritories values
(1, '01581'),
(2, '98004');

create table CustomerCustomerDemo (CustomerID text not null, CustomerTypeID text not null);

create table CustomerDemographics (CustomerTypeID text primary key, CustomerDesc text);
